"""Prices: standing cuts, offers on first orders, coupons."""
