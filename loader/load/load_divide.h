/*
 * load_divide.h - asks the server about a set of messages, and where it refuses or hangs up, for
 * fewer at a time, until the ones that it does not answer for are known, and the others are there.
 */
#ifndef LOADER_LOAD_LOAD_DIVIDE_H
#define LOADER_LOAD_LOAD_DIVIDE_H

#include "loader/load/load_internal.h"

struct load_question {
	/* Errors: those of the session, and of this machine. */
	int (*ask)(struct load *load, struct imapc_size *sizes, size_t count, void *context,
		   struct error *err);
	/* After a failure: takes out what has been answered, and returns how many are left. */
	size_t (*leave)(struct imapc_size *sizes, size_t count, void *context);
	/* Not answered, although it was asked about alone. */
	void (*in_vain)(struct load *load, struct imapc_size *size, const struct error *failure,
			void *context);
	/* After this failure asking again is of no use. */
	bool (*is_final)(const struct error *failure, const void *context);
	void *context;
	unsigned *in_vain_run; /* so many messages in a row; the caller sets it back */
};

/*
 * Goes over `sizes`, whose order may change. Connects again where the server has hung up, some
 * times in a run. Errors: where the server answers for nothing at all its own, and what has
 * nothing to do with a message.
 */
int load_divide(struct load *load, struct imapc_size *sizes, size_t count,
		const struct load_question *question, struct error *err);

/* Makes a lost connection again, and opens the mailbox. Errors: without one of its own, *err is
 * left as it is, where that has been done too often in this run. TEMPORARY: the messages have other
 * numbers now. */
int load_reconnect(struct load *load, struct error *err);

/* Fills in the sizes, UINT64_MAX where the server does not say it. */
int load_sizes(struct load *load, struct imapc_size *sizes, size_t count, struct error *err);

#endif
