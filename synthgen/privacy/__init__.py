"""Privacy: a base without what names its people and things, source ids that lead nowhere, and the gate."""
