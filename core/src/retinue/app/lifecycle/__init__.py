"""The life of a plugin: what each change would do, doing exactly that, and taking it away again with proof."""
