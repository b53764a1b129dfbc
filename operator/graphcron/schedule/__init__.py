"""Cron lines and the calendar: grammar, hashed values, time zones, and when an occurrence is due. Pure."""
