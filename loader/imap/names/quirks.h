/*
 * quirks.h - what is done for single providers only: the table of it, and where it is in force.
 *
 * Pure, no shared state. A quirk is in force where the server offers its capability, or has one of its
 * host names, unless disable= of the connection string names it.
 */
#ifndef LOADER_IMAP_NAMES_QUIRKS_H
#define LOADER_IMAP_NAMES_QUIRKS_H

#include "loader/imap/names/connection_string.h"

enum quirk {
	QUIRK_ID,    /* RFC 2971; 163.com and qq.com open no mailbox without it */
	QUIRK_GMAIL, /* folders are labels: https://developers.google.com/gmail/imap/imap-extensions */
	QUIRK_COUNT
};

/* Whether it is in force, by the host alone where `capabilities` (blank-separated, upper case) is
 * NULL: nobody has asked the server. */
bool quirk_is_in_force(enum quirk quirk, const struct connection_string *server,
		       const char *capabilities);

/* "GMAIL: what it does (why it is in force, or that disable= names it)"; NULL where it has no place
 * at this server. Caller frees with g_free(). */
char *quirk_describe(enum quirk quirk, const struct connection_string *server,
		     const char *capabilities);

#endif
