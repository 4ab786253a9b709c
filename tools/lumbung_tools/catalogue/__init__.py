"""Every sentence that people read, in Bahasa Indonesia and English, by key."""
