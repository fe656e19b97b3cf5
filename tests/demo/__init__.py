"""The demo itself: does it play, do its books agree, does it notice when they do not?"""
