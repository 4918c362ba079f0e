"""How wrong a comparison could be: what a cause that nobody measured would have to be like to overturn it."""
