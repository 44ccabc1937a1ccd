"""How the portal's pages look: templates, words in Bangla and English, and formatting. No routes, no stores."""
