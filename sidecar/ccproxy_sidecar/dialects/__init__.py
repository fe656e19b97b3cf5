"""Wire formats, sans I/O: bytes in, facts out. One file per format; nothing here opens a socket or reads a clock."""
