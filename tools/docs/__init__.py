"""Parts of docs/*.md that are made from the code: fields of the kinds, variables, agents, metrics, an answer."""
