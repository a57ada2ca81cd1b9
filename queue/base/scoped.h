/*
 * scoped.h - release at the end of the scope.
 *
 *     SCOPED_DEFINE(struct secret *, secret_free)
 *     …
 *     scoped(secret_free) struct secret *secret = NULL;
 *     …
 *     *ret_secret = steal(&secret);
 *
 * Whoever holds the variable frees it; steal() lets ownership leave. Release functions take NULL.
 */
#ifndef QUEUE_BASE_SCOPED_H
#define QUEUE_BASE_SCOPED_H

#include <glib.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here */
#define SCOPED_DEFINE(type, release)                                                               \
	static inline void release##_scoped(type *variable)                                        \
	{                                                                                          \
		release(*variable);                                                                \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

#define scoped(release) __attribute__((cleanup(release##_scoped)))

#define steal(pointer) g_steal_pointer(pointer)

/* A descriptor; -1 is none. */
static inline void descriptor_close_scoped(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}

static inline int descriptor_steal(int *descriptor)
{
	int stolen = *descriptor;
	*descriptor = -1;
	return stolen;
}

#endif
