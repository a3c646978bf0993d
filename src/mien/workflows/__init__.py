"""The verbs that need several stages at once; each stage itself knows only those before it."""
