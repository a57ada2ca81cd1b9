/*
 * load_unsent.h - messages that the server was asked for and did not send.
 *
 * It refuses a message, sends no body, or hangs up. A try counts against the message only where
 * the server has sent another one after that: in the same run, or when it is asked for one that
 * lies in the archive folder. Where it sends none it is an outage, which is nobody's fault.
 *
 * Life:   of a run; load_unsent_note() comes at its end.
 * Errors: as in load.h.
 */
#ifndef LOADER_LOAD_LOAD_UNSENT_H
#define LOADER_LOAD_LOAD_UNSENT_H

#include "loader/load/load_internal.h"

GArray *load_unsent_new(void);

/* The message was asked for alone, or others came and it did not. */
void load_unsent_add(struct load *load, uint32_t uid, const struct error *failure);

/* The server has sent a message. */
void load_unsent_confirm(struct load *load);

/* After several messages in vain, *in_vain in a row: true where the server sends no other message
 * either, else *in_vain is set back. */
bool load_unsent_is_outage(struct load *load, unsigned *in_vain);

/* Keeps in the database what the run has learned. What becomes of it shows in the next run. */
void load_unsent_note(struct load *load);

/* Says what was not sent, if anything; *ret_failure is as *err then. */
int load_unsent_verdict(const struct load *load, struct error *ret_failure, struct error *err);

#endif
