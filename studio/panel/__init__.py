"""Listening by a link: several people take a blind test in their own browsers. Loads no engine and no page of ours."""
