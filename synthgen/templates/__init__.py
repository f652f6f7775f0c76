"""Template files: what they may say, what their texts become, and how that replaces what copies take over."""
