/*
 * watch_internal.h - the parts of the service: the process that loads a queue's mail, the one that
 * delivers its entries, the queue as the supervisor sees it, the logs, the table of all queues, and
 * folders whose files are mail.
 *
 * Life:      a worker is there from watch_worker_start() to its pipe's end. It ends by itself when
 *            its supervisor dies, on TERM (after what it has in hand), and on any error, of which it
 *            tells last. The deliverer is a process of its own, so that a slow target does not keep
 *            mail waiting; it ends likewise, and when the queue has no target any more. The
 *            supervisor starts each of them again where it is wanted, after an error with a pause.
 *            watch_queue_free() and watch_table_free() come when no process is left.
 * Ownership: the table owns its queues.
 * Errors:    what goes wrong with a queue is logged, kept in the queue's row, and tried again.
 * Times:     `now_ms` is monotonic.
 * Threads:   one in each process.
 */
#ifndef LOADER_WATCH_WATCH_INTERNAL_H
#define LOADER_WATCH_WATCH_INTERNAL_H

#include "loader/import/import.h"
#include "loader/load/load.h"
#include "loader/watch/watch.h"
#include "loader/watch/watch_wait_internal.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/work_queue.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the process that loads ---- */

enum watch_news {
	WATCH_STARTED, /* the server may take `command_ms` for the connection and for each command
			*/
	WATCH_SIGNED_IN,
	WATCH_ALIVE,   /* it makes progress */
	WATCH_LOOKED,  /* a run went well */
	WATCH_WAITING, /* for mail, `wait_ms` at most */
	WATCH_BUSY,    /* another process is loading the queue; it will look again */
	WATCH_REFUSED, /* `err`: the sign-in was refused, for the `refusals`th time; it ends */
	WATCH_FAILED,  /* `err`; it ends */
};

/* One write to the pipe, shorter than PIPE_BUF. */
struct watch_message {
	enum watch_news news;
	struct load_result result; /* LOOKED */
	int64_t wait_ms;	   /* WAITING */
	int64_t command_ms;	   /* STARTED */
	uint32_t refusals;	   /* REFUSED: in a row; 0 = could not be counted */
	struct error err;
};

/* Makes a child that `parent`, the supervisor, has just forked a process of its own: with its
 * own handling of signals and its own random numbers. The child ends when its parent does. */
void watch_worker_prepare(pid_t parent);

/* The caller has no database open. `position` is kept up to date; it may be NULL. `bell`
 * (watch_wait_internal.h) makes the worker look at once; -1 = none. *ret_pipe is non-blocking; the
 * caller closes it. */
int watch_worker_start(const char *queue_name, const struct watch_options *options,
		       struct load_position *position, int bell, pid_t *ret_child, int *ret_pipe,
		       struct error *err);

/* ---- the process that delivers ---- */

struct watch_deliver {
	bool wanted;
	pid_t process;	  /* 0 = none */
	int64_t start_ms; /* not before */
	int bell; /* rung after deliveries whose answers are to be acknowledged; -1 = none */
};

/* Takes the queue's definition as it is now; NULL: it is gone. A process that works by another one
 * is told to end. */
void watch_deliver_update(struct watch_deliver *deliver, const struct work_queue *definition,
			  bool altered);

/* Starts a process where one is wanted. */
void watch_deliver_start(struct watch_deliver *deliver, const char *queue_name,
			 const struct watch_options *options, int64_t now_ms);

/* Tells the process to finish what it has in hand. */
void watch_deliver_end(const struct watch_deliver *deliver);

/* A child has ended: takes note of it where it was this one. */
void watch_deliver_reaped(struct watch_deliver *deliver, pid_t process, int status,
			  const struct watch_options *options, int64_t now_ms);

/* ---- a queue ---- */

enum watch_phase {
	WATCH_PHASE_PAUSE,    /* no worker; one is started at start_ms if `wanted` */
	WATCH_PHASE_STARTING, /* until it has signed in */
	WATCH_PHASE_LOADING,
	WATCH_PHASE_WAITING /* for mail */
};

struct watch_queue {
	int64_t id;
	char *name;
	int64_t updated_ms; /* of the definition, wall clock */
	bool wanted;	    /* defined, not paused, not stopped */
	bool stopped;	    /* after refused sign-ins */
	bool uncounted;	    /* stopped, but the database could not be told */
	bool defined;
	enum watch_phase phase;
	bool ours;	    /* this process has the right to watch it */
	bool elsewhere;	    /* another process has, and that was said */
	int64_t ask_ms;	    /* for the right, not before */
	int64_t start_ms;   /* PAUSE: when the next worker is due */
	pid_t worker;	    /* 0 = none */
	int pipe;	    /* -1 = none */
	bool ending;	    /* the worker was told to end */
	bool failed;	    /* the worker has said why it ends */
	bool renewed;	    /* a token has ended, and no run went well since */
	int64_t heard_ms;   /* when the worker was heard last */
	int64_t silence_ms; /* a worker silent for longer hangs, and is killed */
	int64_t command_ms; /* timeout= of the queue */
	struct watch_policy policy;
	struct watch_deliver deliver;
	uint64_t stored;		/* entries since the supervisor started */
	struct load_position *position; /* shared with the worker */
};

struct watch_queue *watch_queue_new(int64_t id, const char *name, int64_t retry_ms);
void watch_queue_free(struct watch_queue *queue);

/*
 * Gets the right to watch the queue where there is something to watch or to deliver, and gives it
 * back where there is not. False while this process may not watch: another one has the right.
 */
bool watch_queue_claim(struct watch_queue *queue, struct work_queue_watch *rights, int64_t now_ms);

/* Starts a worker where one is due. */
void watch_queue_start(struct watch_queue *queue, const struct watch_options *options,
		       int64_t now_ms);

/* The worker is to end after what it has in hand; another follows at once if `wanted`. */
void watch_queue_end(struct watch_queue *queue, int64_t now_ms);

/* Takes what the worker has told. */
void watch_queue_listen(struct watch_queue *queue, int64_t now_ms);

/* The worker has ended, with what waitpid() says. */
void watch_queue_reaped(struct watch_queue *queue, const struct watch_options *options, int status,
			int64_t now_ms);

/* Kills a worker that hangs. */
void watch_queue_check(struct watch_queue *queue, int64_t now_ms);

/* "paused", "stopped", "elsewhere", "retry", "starting", "loading", "waiting". */
const char *watch_queue_state(const struct watch_queue *queue);

/* ---- the logs ---- */

struct watch_log {
	const char *database;
	char *events;	 /* the file that standard error is; NULL: it is none */
	char *protocol;	 /* that of --log-imap; NULL: there is none */
	char *error;	 /* why that could not be written last; NULL: it could */
	int descriptor;	 /* readable: workers have lines for it; -1 = no such log */
	bool untold;	 /* the database does not know this yet, */
	int64_t tell_ms; /* and is not to be asked before */
};

/* Before the first worker is started. Errors: IO. */
int watch_log_open(struct watch_log *log, const char *database, struct error *err);

/* Notes in the database that there are no logs any more. */
void watch_log_close(struct watch_log *log);

/* Writes the lines of the workers. */
void watch_log_pass_on(struct watch_log *log);

/* Opens the file of --log-imap anew; on failure the old one stays in use. */
void watch_log_reopen(struct watch_log *log);

/* Notes in the database what it does not know yet. */
void watch_log_tell(struct watch_log *log, int64_t now_ms);

/* ---- all queues ---- */

struct watch_table {
	const struct watch_options *options;
	GPtrArray *queues; /* struct watch_queue */
};

struct watch_table *watch_table_new(const struct watch_options *options);
void watch_table_free(struct watch_table *table);
SCOPED_DEFINE(struct watch_table *, watch_table_free)

static inline struct watch_queue *watch_table_at(const struct watch_table *table, guint index)
{
	return g_ptr_array_index(table->queues, index);
}

/*
 * Reads the definitions: new queues join, altered ones get a new worker, those paused, stopped or
 * dropped lose theirs. The database is open during the call only. Errors: TEMPORARY where it is
 * locked for longer than `patience_ms`.
 */
int watch_table_read(struct watch_table *table, int64_t patience_ms, int64_t now_ms,
		     struct error *err);

/* Takes out queues that are dropped and have no worker any more. */
void watch_table_sweep(struct watch_table *table);

/* Counts the queues in a phase, of those that this process watches. */
guint watch_table_count(const struct watch_table *table, enum watch_phase phase);

/* Counts the workers that sign in at the moment, but not those that wait for their server. */
guint watch_table_count_starting(const struct watch_table *table, int64_t now_ms);

/* Counts the queues that another process watches. */
guint watch_table_count_elsewhere(const struct watch_table *table);

/* An event for each queue. */
void watch_table_log_status(const struct watch_table *table, int64_t now_ms);

/* ---- a folder ---- */
/*
 * A folder whose files are mail: what has come into it, and the loop that imports it.
 *
 * Life:      watch_folder_open() .. watch_folder_close(). First the folder itself has arrived, with all
 *            that is in it; watch_folder_take() adds what has happened since.
 * Errors:    CONFIGURATION (the folder is not there, or not any more), IO (the kernel's limits).
 * Threads:   one.
 */

struct watch_folder;

/* `archive` and `failed` (NULL: none) are borrowed, and are not watched where they lie in it. */
int watch_folder_open(const char *path, const char *archive, const char *failed,
		      struct watch_folder **ret_folder, struct error *err);
/* Takes NULL. */
void watch_folder_close(struct watch_folder *folder);
SCOPED_DEFINE(struct watch_folder *, watch_folder_close)

/* Readable when something has happened. */
int watch_folder_descriptor(const struct watch_folder *folder);

/* Without links. */
const char *watch_folder_path(const struct watch_folder *folder);

/* Takes the events that have come by now; does not wait. */
int watch_folder_take(struct watch_folder *folder, struct error *err);

/* How often events were lost, and the whole folder has arrived again. */
uint64_t watch_folder_losses(const struct watch_folder *folder);

/* Files and folders that have arrived, each once, until watch_folder_forget(). */
char *const *watch_folder_arrived(const struct watch_folder *folder, size_t *ret_count);
void watch_folder_forget(struct watch_folder *folder);

/* What the loop tells its process. */
struct watch_import_report {
	void (*alive)(void *context);
	void (*busy)(void *context); /* another process has the queue; it will look again */
	void (*looked)(const struct import_result *result, void *context);
	void (*waiting)(int64_t wait_ms, void *context);
	void (*incomplete)(const char *words, void *context); /* single files failed */
	void *context;
};

/* Does the queue have a folder that is to be watched? */
bool watch_import_is_wanted(const struct work_queue *queue);

/* Imports what comes into the queue's folder until the end is wanted; `wake` is readable then. */
int watch_import(const struct work_queue *queue, const struct watch_options *options, int wake,
		 const struct watch_import_report *report, struct error *err);

#endif
