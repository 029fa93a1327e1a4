"""Which arm is better, and how sure is that?"""
