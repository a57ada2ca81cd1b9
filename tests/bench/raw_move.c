/*
 * bench_raw_move - the least that a load can take: reads all messages of INBOX and throws them
 * away, then moves them to a folder, with one command each.
 *
 *   bench_raw_move [--seen] HOST PORT USER FOLDER [CA-FILE]
 *
 * The password is in $MAIL_PASSWORD. --seen: marks them as read before the move, as a load must;
 * with CA-FILE by TLS, for the host "localhost".
 *
 * Prints the number of messages and of their bytes.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 262144, LINE_BYTES = 512, DEADLINE_S = 60, MAX_TRIES = 8 };

struct connection {
	int socket;
	gnutls_session_t tls; /* NULL: plain */
	char *buffer;
	size_t begin;
	size_t end;
	unsigned tag;
	unsigned long messages;
	unsigned long long bytes;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_raw_move: %s: %s\n", what, why);
	exit(1);
}

static int open_socket(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct timeval deadline = {.tv_sec = DEADLINE_S};
	const int on = 1;
	struct addrinfo *address;
	int failed = getaddrinfo(host, port, &hints, &address);
	if (failed != 0)
		die(host, gai_strerror(failed));
	int result = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (result < 0 || connect(result, address->ai_addr, address->ai_addrlen) != 0)
		die(port, strerror(errno));
	setsockopt(result, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
	setsockopt(result, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
	setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	freeaddrinfo(address);
	return result;
}

static void check_tls(const char *what, int result)
{
	if (result < 0)
		die(what, gnutls_strerror(result));
}

static gnutls_session_t open_tls(int socket, const char *ca_file)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	check_tls("TLS", gnutls_certificate_allocate_credentials(&credentials));
	check_tls(ca_file, gnutls_certificate_set_x509_trust_file(credentials, ca_file,
								  GNUTLS_X509_FMT_PEM));
	check_tls("TLS", gnutls_init(&session, GNUTLS_CLIENT));
	check_tls("TLS", gnutls_set_default_priority(session));
	check_tls("TLS", gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
	gnutls_session_set_verify_cert(session, "localhost", 0);
	gnutls_transport_set_int(session, socket);
	int result = gnutls_handshake(session);
	for (int tries = 1; tries < MAX_TRIES && result < 0 && !gnutls_error_is_fatal(result);
	     tries++)
		result = gnutls_handshake(session);
	check_tls("TLS handshake", result);
	return session;
}

static ssize_t receive(struct connection *connection, void *bytes, size_t room)
{
	if (connection->tls == NULL)
		return recv(connection->socket, bytes, room, 0);
	/* A session ticket counts as a failure that is none, and so does the deadline. */
	ssize_t length = GNUTLS_E_AGAIN;
	for (int tries = 0; tries < MAX_TRIES && length < 0 && !gnutls_error_is_fatal((int)length);
	     tries++)
		length = gnutls_record_recv(connection->tls, bytes, room);
	return length;
}

/* Reads more behind what is there. */
static void fill(struct connection *connection)
{
	size_t left = connection->end - connection->begin;
	if (connection->begin > 0)
		memmove(connection->buffer, connection->buffer + connection->begin, left);
	connection->begin = 0;
	connection->end = left;
	if (left == BUFFER_BYTES)
		die("reading", "a line is too long");
	ssize_t length = receive(connection, connection->buffer + left, BUFFER_BYTES - left);
	if (length <= 0)
		die("reading", "the connection has ended or is silent");
	connection->end += (size_t)length;
}

static void skip(struct connection *connection, unsigned long long count)
{
	for (;;) {
		size_t there = connection->end - connection->begin;
		if (count <= there)
			break;
		count -= there;
		connection->begin = connection->end;
		fill(connection);
	}
	connection->begin += (size_t)count;
}

/* The next line without its end, behind which the reading goes on; cut at LINE_BYTES. */
static void read_line(struct connection *connection, char line[LINE_BYTES])
{
	const char *end;
	for (;;) {
		const char *begin = connection->buffer + connection->begin;
		end = memchr(begin, '\n', connection->end - connection->begin);
		if (end != NULL)
			break;
		fill(connection);
	}
	const char *begin = connection->buffer + connection->begin;
	size_t length = (size_t)(end - begin);
	connection->begin += length + 1;
	if (length > 0 && begin[length - 1] == '\r')
		length--;
	if (length >= LINE_BYTES)
		length = LINE_BYTES - 1;
	memcpy(line, begin, length);
	line[length] = '\0';
}

/* Bytes of the literal that a line announces at its end; false when it does not. */
static bool find_literal(const char *line, unsigned long long *ret_size)
{
	const char *brace = strrchr(line, '{');
	char *end;
	if (brace == NULL || line[strlen(line) - 1] != '}')
		return false;
	*ret_size = strtoull(brace + 1, &end, 10);
	return *end == '}';
}

static void write_all(struct connection *connection, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = connection->tls != NULL
				   ? gnutls_record_send(connection->tls, bytes, length)
				   : send(connection->socket, bytes, length, MSG_NOSIGNAL);
		if (done <= 0)
			die("writing", "the connection has ended");
		bytes += done;
		length -= (size_t)done;
	}
}

/* Sends a command and reads to its end; literals are messages. */
static void run(struct connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void run(struct connection *connection, const char *format, ...)
{
	char command[LINE_BYTES];
	char line[LINE_BYTES];
	char tag[16];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	int tag_length = snprintf(tag, sizeof tag, "%u ", ++connection->tag);
	write_all(connection, tag, (size_t)tag_length);
	write_all(connection, command, strlen(command));
	for (;;) {
		unsigned long long size;
		read_line(connection, line);
		if (strncmp(line, tag, (size_t)tag_length) == 0)
			break;
		if (find_literal(line, &size)) {
			skip(connection, size);
			connection->messages++;
			connection->bytes += size;
		}
	}
	if (strncmp(line + tag_length, "OK", 2) != 0)
		die(command, line);
}

int main(int argc, char **argv)
{
	const char *password = getenv("MAIL_PASSWORD");
	char greeting[LINE_BYTES];
	bool seen = argc > 1 && strcmp(argv[1], "--seen") == 0;
	argc -= seen;
	argv += seen;
	if (argc < 5 || argc > 6 || password == NULL) {
		fprintf(stderr, "usage: MAIL_PASSWORD=… bench_raw_move [--seen] HOST PORT USER "
				"FOLDER [CA-FILE]\n");
		return 64;
	}
	struct connection connection = {.socket = open_socket(argv[1], argv[2]),
					.buffer = malloc(BUFFER_BYTES)};
	if (argc == 6)
		connection.tls = open_tls(connection.socket, argv[5]);
	if (connection.buffer == NULL)
		die("memory", strerror(errno));
	read_line(&connection, greeting);
	run(&connection, "LOGIN \"%s\" \"%s\"\r\n", argv[3], password);
	run(&connection, "SELECT INBOX\r\n");
	run(&connection, "UID FETCH 1:* (BODY.PEEK[])\r\n");
	run(&connection, "CREATE \"%s\"\r\n", argv[4]);
	if (seen)
		run(&connection, "UID STORE 1:* +FLAGS.SILENT (\\Seen)\r\n");
	run(&connection, "UID MOVE 1:* \"%s\"\r\n", argv[4]);
	run(&connection, "LOGOUT\r\n");
	printf("%lu %llu\n", connection.messages, connection.bytes);
	return 0;
}
