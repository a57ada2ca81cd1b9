/*
 * queue_fixture.h - a database in a folder of its own, and what tests of queue/ keep needing.
 *
 * Use: setup and teardown of each test; *state is then a struct fixture.
 */
#ifndef TEST_QUEUE_FIXTURE_H
#define TEST_QUEUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/entry.h"
#include "queue/store_internal.h"
#include "queue/work_queue.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 2026-01-31T12:00:00.000Z */
#define NOW_S  INT64_C(1769860800)
#define NOW_MS (NOW_S * 1000)

struct fixture {
	char *folder;
	char *path;
	struct store *store;
	struct error err;
};

/* Fails the test with the error's text where a call that must succeed does not. */
#define assert_ok(call, err)                                                                       \
	do {                                                                                       \
		if ((call) != 0) {                                                                 \
			print_error("%s\n", (err)->text);                                          \
			fail_msg("%s failed", #call);                                              \
		}                                                                                  \
	} while (0)

/* The call must fail with this status and a text that holds `part`. */
#define assert_error(call, err, expected, part)                                                    \
	do {                                                                                       \
		memset((err), 0, sizeof *(err));                                                   \
		assert_int_equal(-1, (call));                                                      \
		if ((err)->reason != (expected) || strstr((err)->text, (part)) == NULL)            \
			fail_msg("status %d, text: %s", (int)(err)->reason, (err)->text);          \
	} while (0)

static inline void remove_folder(const char *folder)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		if (g_file_test(path, G_FILE_TEST_IS_DIR) &&
		    !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
			remove_folder(path);
		else
			g_unlink(path);
	}
	g_rmdir(folder);
}

static inline int setup_folder(void **state)
{
	struct fixture *fixture = g_new0(struct fixture, 1);
	fixture->folder = g_dir_make_tmp("inqueue-test-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->folder, "queue.db", NULL);
	*state = fixture;
	return fixture->folder != NULL ? 0 : -1;
}

static inline int setup_store(void **state)
{
	if (setup_folder(state) != 0)
		return -1;
	struct fixture *fixture = *state;
	return store_open(fixture->path, STORE_CREATE, &fixture->store, &fixture->err);
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;
	store_close(fixture->store);
	remove_folder(fixture->folder);
	g_free(fixture->folder);
	g_free(fixture->path);
	g_free(fixture);
	return 0;
}

/* A queue with ordinary settings; its id. */
static inline int64_t put_queue(struct fixture *fixture, const char *name)
{
	struct work_queue queue = {
	    .name = (char *)name,
	    .class_name = (char *)"Mail",
	    .external_source = (char *)"IMAP",
	    .connection_string = (char *)"url=imap.example.com;ssl=True",
	    .user_name = (char *)"robot@example.com",
	    .credential_source = (char *)"file",
	    .credential_reference = (char *)"/run/robot.password",
	};
	int64_t id = 0;
	assert_ok(work_queue_put(fixture->store, &queue, NOW_MS, &id, &fixture->err),
		  &fixture->err);
	return id;
}

/* The bytes in a file of their own; the digest is theirs. Close content.fd after use. */
static inline struct entry_content content_of(const char *bytes, size_t size)
{
	struct entry_content content = {
	    .present = true, .fd = memfd_create("content", MFD_CLOEXEC), .size_bytes = size};
	assert_int_equal((ssize_t)size, write(content.fd, bytes, size));
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_checksum_update(sum, (const unsigned char *)bytes, (gssize)size);
	gsize length = sizeof content.sha256;
	g_checksum_get_digest(sum, content.sha256, &length);
	return content;
}

/* An entry as a mail of two fields gives it; state new. */
static inline struct entry plain_entry(int64_t queue_id)
{
	return (struct entry){
	    .queue_id = queue_id,
	    .state = ENTRY_NEW,
	    .subject = (char *)"Invoice 4711",
	    .sender = (char *)"Ada <ada@example.com>",
	    .recipient = (char *)"robot@example.com",
	    .date_sent_s = NOW_S - 60,
	    .date_received_s = NOW_S - 30,
	    .headers = (char *)"[[\"Subject\",\"Invoice 4711\"]]",
	    .defects = (char *)"[]",
	    .raw_size = 1000,
	};
}

static inline int64_t put_entry(struct fixture *fixture, const struct entry *entry,
				const struct entry_contents *contents)
{
	int64_t id = 0;
	struct error *err = &fixture->err;
	assert_ok(store_begin(fixture->store, err), err);
	assert_ok(entry_put(fixture->store, entry, contents, NOW_MS, &id, err), err);
	assert_ok(store_commit(fixture->store, err), err);
	return id;
}

static inline int64_t put_plain_entry(struct fixture *fixture, int64_t queue_id)
{
	const struct entry entry = plain_entry(queue_id);
	return put_entry(fixture, &entry, &(struct entry_contents){0});
}

/* The first column of the first row; -1 for no row. */
static inline int64_t ask_number(struct store *store, const char *sql)
{
	struct error err;
	scoped_statement *statement = engine_prepare(store->engine, sql);
	const int result = statement_step(statement, &err);
	if (result < 0)
		fail_msg("%s: %s", sql, err.text);
	return result == 1 ? statement_int(statement, 0) : -1;
}

static inline char *ask_text(struct store *store, const char *sql)
{
	struct error err;
	scoped_statement *statement = engine_prepare(store->engine, sql);
	const int result = statement_step(statement, &err);
	if (result < 0)
		fail_msg("%s: %s", sql, err.text);
	return result == 1 ? g_strdup(statement_text(statement, 0)) : NULL;
}

/* A sink for entry_read(). */
static inline int append_bytes(const void *bytes, size_t size, void *context)
{
	g_byte_array_append(context, bytes, (guint)size);
	return 0;
}

/* The exit status of a child, or -1 when a signal ended it. */
static inline int wait_for(pid_t child)
{
	int status;
	assert_int_equal(child, waitpid(child, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
