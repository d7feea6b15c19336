"""The page: a thin face on `Studio`. gradio is imported here and in app.py only, and in no module but page's parts."""
