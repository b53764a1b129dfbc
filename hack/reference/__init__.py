"""What hack/api_page.py and hack/cli_page.py are made of: Markdown, and what the CRDs and the model say."""
