"""The studio for programs, in the form of OpenAI's speech API: routes and a guard for the page's own application."""
