"""Parts that the pages share: reading the workspace, figures, and words."""
