/* The server's loop: one thread, woken by its callers, by changes of the database, by signals, and by the clock where
 * somebody is too slow. */
#include "loader/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "loader/base/folder.h"
#include "loader/base/log.h"
#include "loader/base/secret.h"
#include "loader/base/service.h"
#include "loader/certificate/certificate.h"
#include "loader/confine/confine.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Callers that are cut off are looked for this often, while there are callers. */
enum { TICK_MS = 1000 };

/* How long answers that are being sent may take when the end is wanted. */
enum { END_MS = 5000 };

/* Nobody else is answered while this process waits for a writer. */
enum { PATIENCE_MS = 1000 };

enum { HEADER_BYTES = 32768, UNHEARD_S = 120 };

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* ---- callers ---- */

void caller_expect(struct caller *caller)
{
	caller->cut_ms = clock_monotonic_ms() + SERVE_SLOW_MS;
}

void caller_forgive(struct caller *caller)
{
	caller->cut_ms = 0;
}

static guint connections_of(const struct serve *serve, const char *network)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(serve->networks, network));
}

static void count(struct serve *serve, const char *network, int by)
{
	const guint now = (guint)((int)connections_of(serve, network) + by);
	if (*network == '\0')
		return;
	if (now == 0)
		g_hash_table_remove(serve->networks, network);
	else
		g_hash_table_insert(serve->networks, g_strdup(network), GUINT_TO_POINTER(now));
}

/* Whoever opens connections and says nothing would take the place of all others. */
static enum MHD_Result may_connect(void *context, const struct sockaddr *address, socklen_t length)
{
	char network[sizeof((struct caller *)NULL)->network];
	(void)length;
	listen_format_network(address, network, sizeof network);
	return connections_of(context, network) < SERVE_CONNECTIONS_HEARD ? MHD_YES : MHD_NO;
}

static void caller_begin(struct serve *serve, struct MHD_Connection *connection, void **context)
{
	struct caller *caller = g_new0(struct caller, 1);
	caller->serve = serve;
	caller->link.data = caller;
	caller->descriptor =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	const struct sockaddr *address =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	listen_format_peer(address, caller->address, sizeof caller->address);
	listen_format_network(address, caller->network, sizeof caller->network);
	caller_expect(caller);
	count(serve, caller->network, 1);
	g_queue_push_tail_link(&serve->callers, &caller->link);
	*context = caller;
}

static void caller_end(struct serve *serve, void **context)
{
	struct caller *caller = *context;
	count(serve, caller->network, -1);
	g_queue_unlink(&serve->callers, &caller->link);
	g_free(caller);
	*context = NULL;
}

static void caller_notify(void *serve, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		caller_begin(serve, connection, context);
	else if (*context != NULL)
		caller_end(serve, context);
}

/* The library sees an end of the stream, and closes. */
static void cut_slow(struct serve *serve)
{
	const int64_t now_ms = clock_monotonic_ms();
	for (GList *at = serve->callers.head; at != NULL; at = at->next) {
		struct caller *caller = at->data;
		if (caller->cut_ms == 0 || caller->cut_ms > now_ms)
			continue;
		log_event(LOG_LEVEL_DEBUG, "too_slow", log_text("address", caller->address));
		shutdown(caller->descriptor, SHUT_RDWR);
		caller->cut_ms = 0;
	}
}

/* ---- its life ---- */

/* What it says is about callers; no secret is in it. */
__attribute__((format(printf, 2, 0))) static void note(void *context, const char *format,
						       va_list arguments)
{
	(void)context;
	g_autofree char *words = g_strdup_vprintf(format, arguments);
	log_event(LOG_LEVEL_DEBUG, "library", log_text("words", g_strchomp(words)));
}

static int start_with(struct serve *serve, const char *certificate, const char *key,
		      struct error *err)
{
	const struct MHD_OptionItem tls[] = {
	    {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)certificate},
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
	    {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
	    {MHD_OPTION_END, 0, NULL}};
	const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	serve->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
		(key != NULL ? (unsigned)MHD_USE_TLS : 0),
	    0, may_connect, serve, request_handle, serve, MHD_OPTION_EXTERNAL_LOGGER, note, NULL,
	    MHD_OPTION_UNESCAPE_CALLBACK, framing_unescape, NULL, MHD_OPTION_LISTEN_SOCKET,
	    serve->socket.descriptor, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)UNHEARD_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)SERVE_CONNECTIONS, MHD_OPTION_NOTIFY_COMPLETED, request_end, serve,
	    MHD_OPTION_NOTIFY_CONNECTION, caller_notify, serve, MHD_OPTION_ARRAY,
	    key != NULL ? tls : none, MHD_OPTION_END);
	if (serve->daemon != NULL)
		return 0;
	if (key != NULL)
		return error_set(err, ERROR_CONFIGURATION,
				 "the server cannot be started: do certificate and key belong "
				 "together?");
	return error_set(err, ERROR_IO, "the server cannot be started: %s", g_strerror(errno));
}

static int start(struct serve *serve, struct error *err)
{
	const struct serve_options *options = serve->options;
	scoped(secret_free) struct secret *key = NULL;
	g_autofree char *certificate = NULL;
	size_t size;
	if ((options->certificate == NULL) != (options->key == NULL))
		return error_set(err, ERROR_USAGE, "--tls-certificate goes with --tls-key");
	if (options->certificate == NULL)
		return start_with(serve, NULL, NULL, err);
	g_autofree char *source = g_strconcat("file:", options->key, NULL);
	return certificate_read_file("--tls-certificate", options->certificate, &certificate, &size,
				     err) != 0 ||
		       secret_named_read_text("--tls-key", source, &key, err) != 0
		   ? -1
		   : start_with(serve, certificate, secret_text(key), err);
}

/* Each caller is a descriptor; the usual limit is 1024. */
static void allow_callers(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)SERVE_CONNECTIONS + 100);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int prepare(struct serve *serve, struct error *err)
{
	allow_callers();
	secret_guard_memory();
	if (store_open_within(serve->options->database, STORE_WRITE, PATIENCE_MS, &serve->store,
			      err) != 0 ||
	    store_watch_open(serve->store, &serve->watch, err) != 0 ||
	    listen_open(serve->options, &serve->socket, err) != 0 || start(serve, err) != 0)
		return -1;
	notify_send("READY=1");
	return confine_to_database(serve->options->database, folder_temporary(), err) != 0
		   ? -1
		   : confine_to_callers(err);
}

/* ---- the loop ---- */

static int64_t pause_ms(const struct serve *serve)
{
	MHD_UNSIGNED_LONG_LONG library;
	const int64_t now_ms = clock_monotonic_ms();
	int64_t until_ms = serve->callers.length > 0 ? now_ms + TICK_MS : INT64_MAX;
	if (serve->waiting.length > 0)
		until_ms = MIN(until_ms, serve->look_ms);
	if (MHD_get_timeout(serve->daemon, &library) == MHD_YES)
		until_ms = MIN(until_ms, now_ms + (int64_t)MIN(library, TICK_MS));
	return until_ms == INT64_MAX ? -1 : MAX(until_ms - now_ms, 0);
}

static int epoll_of(struct MHD_Daemon *daemon)
{
	return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/* The watch is looked at only while somebody waits for a change. */
static void turn(struct serve *serve, int stop)
{
	struct pollfd polled[] = {
	    {.fd = epoll_of(serve->daemon), .events = POLLIN},
	    {.fd = serve->stopping ? -1 : stop, .events = POLLIN},
	    {.fd = serve->waiting.length > 0 ? store_watch_descriptor(serve->watch) : -1,
	     .events = POLLIN}};
	if (poll(polled, G_N_ELEMENTS(polled), (int)pause_ms(serve)) < 0 && errno != EINTR)
		return;
	MHD_run(serve->daemon);
	if (serve->waiting.length > 0 &&
	    ((polled[2].revents & POLLIN) != 0 || serve->look_ms <= clock_monotonic_ms())) {
		claim_look(serve);
		/* Nothing else tells the library of those that were woken. */
		MHD_run(serve->daemon);
	}
	cut_slow(serve);
}

/* Who waits is told; what is being sent gets some time. A caller who has asked for nothing has nothing to wait for. */
static void end(struct serve *serve, int stop)
{
	const int64_t end_ms = clock_monotonic_ms() + END_MS;
	serve->stopping = true;
	MHD_quiesce_daemon(serve->daemon);
	claim_end_all(serve);
	MHD_run(serve->daemon);
	while (serve->requests > 0 && clock_monotonic_ms() < end_ms)
		turn(serve, stop);
}

static int serve_loop(struct serve *serve, struct error *err)
{
	const int stop = stop_descriptor();
	log_event(LOG_LEVEL_INFO, "listening", log_text("address", serve->socket.address));
	while (!stop_requested() && serve->outdated.kind == ERROR_NONE)
		turn(serve, stop);
	end(serve, stop);
	log_event(LOG_LEVEL_INFO, "ended", log_text("address", serve->socket.address));
	if (serve->outdated.kind == ERROR_NONE)
		return 0;
	*err = serve->outdated;
	return -1;
}

int serve_run(const struct serve_options *options, struct error *err)
{
	struct serve serve = {.options = options,
			      .socket = {.descriptor = -1},
			      .look_ms = INT64_MAX,
			      .started_ms = clock_now_ms(),
			      .networks =
				  g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	g_queue_init(&serve.callers);
	g_queue_init(&serve.waiting);
	int result = prepare(&serve, err);
	if (result == 0)
		result = serve_loop(&serve, err);
	if (serve.daemon != NULL) {
		/* Its socket goes with it, unless that was taken from it. */
		if (!serve.stopping)
			serve.socket.descriptor = -1;
		MHD_stop_daemon(serve.daemon);
	}
	metrics_clear(&serve);
	listen_close(&serve.socket);
	store_watch_close(serve.watch);
	store_close(serve.store);
	g_hash_table_unref(serve.networks);
	return result;
}
