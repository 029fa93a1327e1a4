"""Levers that a search or a sweep may move: what they are, how a file names them, and the arm with them moved."""
