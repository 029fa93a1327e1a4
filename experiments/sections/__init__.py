"""What a report is made of: sections with charts and listings."""
