"""Identity: from request headers to a Principal, and the acts that change who and what is in force."""
