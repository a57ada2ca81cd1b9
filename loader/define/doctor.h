/*
 * doctor.h - is this installation in order: database, schema, leases, who can read the secrets,
 * libraries.
 * Changes nothing, and needs no server.
 */
#ifndef LOADER_DEFINE_DOCTOR_H
#define LOADER_DEFINE_DOCTOR_H

#include "queue/base/error.h"
#include "queue/store.h"

enum doctor_state { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WRONG };

/* "ok", "note", "wrong". */
const char *doctor_state_format(enum doctor_state state);

typedef void doctor_report(enum doctor_state state, const char *what, const char *words,
			   void *context);

/*
 * Looks at everything and reports one line each. Returns the number of wrong things, or -1 when the
 * database could not be read to its end (errors of queue/).
 */
int doctor_run(struct store *store, const char *database, doctor_report *report, void *context,
	       struct error *err);

#endif
