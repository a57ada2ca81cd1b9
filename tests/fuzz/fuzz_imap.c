/*
 * A server that may say anything, through curl, our transport and libetpan: no crash, no hang, no
 * message under a UID that was not asked for.
 *
 * The input is all that the server says after its greeting; a byte 1 stands for the tag of the next
 * command. It is sent at once, and the connection is closed behind it.
 */
#include "loader/imap/session/move.h"
#include "loader/imap/session/session.h"

#include <glib.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *__lsan_default_suppressions(void);

/*
 * Of an answer that turns out broken libetpan 1.9.4 forgets what it had read last: the section of a
 * body, as in "BODY[HEADER", and a string. Both are made by these functions, and only there do
 * leaks not count. They are small (a line of the server's, which the transport bounds), and a
 * worker lives for one run, or reads no more after a broken answer.
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:mailimap_section_spec_new\n"
	       "leak:mmap_string_sized_new\n";
}

static int listener;
static char text[128];

struct script {
	const uint8_t *data;
	size_t size;
};

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof address;

	(void)argc;
	(void)argv;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(bind(listener, (struct sockaddr *)&address, length) == 0);
	require(listen(listener, 8) == 0);
	require(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	g_snprintf(text, sizeof text, "url=127.0.0.1;port=%d;timeout=1s", ntohs(address.sin_port));
	return 0;
}

static void say(int connection, const void *bytes, size_t size)
{
	const char *from = bytes;
	ssize_t put = 0;

	for (; size > 0 && put >= 0; from += put, size -= (size_t)put)
		put = send(connection, from, size, MSG_NOSIGNAL);
}

/* Up to and with the line end; false when the client has gone. */
static bool hear_line(int connection)
{
	char byte = '\0';

	while (byte != '\n') {
		if (recv(connection, &byte, 1, 0) != 1)
			return false;
	}
	return true;
}

static void *serve(void *context)
{
	static const char greeting[] = "* PREAUTH hello\r\n";
	/* What curl asks for before it hands the connection over. */
	static const char handover[] = "* CAPABILITY IMAP4rev1\r\nA001 OK\r\n";
	const struct script *script = context;
	g_autoptr(GString) words = g_string_new(NULL);
	int tag = 0;
	int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (size_t i = 0; i < script->size; i++) {
		if (script->data[i] == 1)
			g_string_append_printf(words, "%d", ++tag);
		else
			g_string_append_c(words, (char)script->data[i]);
	}
	say(connection, greeting, sizeof greeting - 1);
	if (hear_line(connection))
		say(connection, handover, sizeof handover - 1);
	if (hear_line(connection)) {
		say(connection, words->str, words->len);
		shutdown(connection, SHUT_WR);
		while (hear_line(connection))
			;
	}
	close(connection);
	return NULL;
}

static int take_begin(void *context, struct error *err)
{
	(void)context;
	(void)err;
	return 0;
}

static int take_bytes(void *context, const void *bytes, size_t size, struct error *err)
{
	(void)bytes;
	(void)err;
	*(size_t *)context += size;
	return 0;
}

static int take_end(void *context, uint32_t uid, int64_t internal_date_s, struct error *err)
{
	(void)context;
	(void)internal_date_s;
	(void)err;
	require(uid <= 3);
	return 0;
}

static int take_fate(enum move_fate fate, const uint32_t *uids, size_t count,
		     const struct imapc_copy *copy, void *context, struct error *err)
{
	(void)fate;
	(void)copy;
	(void)context;
	(void)err;
	require(count <= 3);
	for (size_t i = 0; i < count; i++)
		require(uids[i] >= 1 && uids[i] <= 3);
	return 0;
}

static void use(struct imapc_session *session)
{
	struct error err = {0};
	struct imapc_folder folder = {0};
	struct imapc_mailbox mailbox;
	struct imapc_status status;
	struct imapc_size sizes[] = {{.uid = 1}, {.uid = 2}, {.uid = 3}};
	struct move *move;
	uint32_t *found = NULL;
	size_t count = 0;
	size_t bytes = 0;
	const uint32_t uids[] = {1, 2, 3};
	const struct imapc_sink sink = {take_begin, take_bytes, take_end, &bytes};

	if (imapc_find_folder(session, "Archive/2026", &folder, &err) == 0)
		imapc_status(session, folder.wire, "Archive/2026", &status, &err);
	free(folder.wire);
	imapc_select(session, "INBOX", "INBOX", false, &mailbox, &err);
	if (imapc_search(session, "UNDELETED", &found, &count, &err) == 0)
		free(found);
	imapc_fetch_sizes(session, sizes, 3, &err);
	imapc_fetch_messages(session, uids, 3, &sink, &err);
	imapc_fetch_headers(session, uids, 3, 1024, &sink, &err);
	imapc_add_flags(session, uids, 3, "\\Seen", &err);
	move = move_new(session, "DROPBOX", "DROPBOX", take_fate, NULL);
	if (move_messages(move, uids, 3, &err) == 0)
		move_verdict(move, &err);
	move_free(move);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {data, size};
	struct connection_string *server = NULL;
	struct imapc_session *session = NULL;
	struct secret *secret = secret_new("secret", 6);
	struct error err = {0};
	pthread_t thread;

	require(connection_string_parse(text, &server, &err) == 0);
	struct imapc_account account = {.server = server, .user_name = "robot", .secret = secret};
	require(pthread_create(&thread, NULL, serve, &script) == 0);
	if (imapc_open(&account, &session, &err) == 0)
		use(session);
	else
		require(err.kind != ERROR_NONE && *err.text != '\0');
	imapc_close(session);
	pthread_join(thread, NULL);
	secret_free(secret);
	connection_string_free(server);
	return 0;
}
