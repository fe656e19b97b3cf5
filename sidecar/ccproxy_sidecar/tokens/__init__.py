"""How many tokens a prompt has, before anybody is called: bounds, the session's last count, and a tokenizer last."""
