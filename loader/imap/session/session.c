/*
 * Life of a session: opens the transport, gives its stream to libetpan, signs in, and asks for the
 * server's capabilities, less those that disable= names. A session may also be adopted from a
 * process that has signed in.
 */
#include "loader/imap/session/session.h"
#include "loader/imap/names/server_words.h"
#include "loader/imap/session/relay.h"
#include "loader/imap/session/session_internal.h"
#include "loader/imap/wire/protocol_log.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

#define LOGOUT_TIMEOUT_MS 2000

/* Without a progress function libetpan ignores the handlers. */
static void ignore_progress(size_t current, size_t maximum, void *context)
{
	(void)current;
	(void)maximum;
	(void)context;
}

/* libetpan takes the stream over; the transport stays the session's. */
static int start_session(struct imapc_session *session, struct error *err)
{
	imapc_tolerate();
	session->imap = mailimap_new(0, NULL);
	if (!session->imap)
		abort();
	mailimap_set_progress_callback(session->imap, ignore_progress, ignore_progress, NULL);
	mailimap_set_msg_body_handler(session->imap, imapc_fetch_take_body, session);
	mailimap_set_msg_att_handler(session->imap, imapc_fetch_take_items, session);

	int result = mailimap_connect(session->imap, transport_stream(session->transport));

	session->alive = result == MAILIMAP_NO_ERROR_AUTHENTICATED ||
			 result == MAILIMAP_NO_ERROR_NON_AUTHENTICATED;
	if (!session->alive)
		return error_set(err, ERROR_SOFTWARE, "libetpan refuses our own greeting");
	return 0;
}

/* --- capabilities ------------------------------------------------------ */

static void note_capability(struct imapc_session *session, const struct mailimap_capability *item)
{
	/* Mechanisms are kept as the server writes them, "AUTH=PLAIN". */
	bool auth = item->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE;
	const char *text = auth ? item->cap_data.cap_auth_type : item->cap_data.cap_name;
	g_autofree char *full = g_strconcat(auth ? "AUTH=" : "", text ? text : "", NULL);
	char *name = g_ascii_strup(full, -1);

	if (!*name || g_strv_contains((const char *const *)session->server->disable, name)) {
		g_free(name);
		return;
	}
	g_ptr_array_add(session->capabilities, name);

	/* In the server's own letters a secret is known. */
	g_autofree char *words = server_words(full, strlen(full));

	g_ptr_array_add(session->shown, g_ascii_strup(words, -1));
}

/* A list that libetpan keeps from an earlier answer must not be taken for this one. */
static int read_capabilities(struct imapc_session *session, struct error *err)
{
	struct mailimap_connection_info *info = session->imap->imap_connection_info;

	if (info && info->imap_capability) {
		mailimap_capability_data_free(info->imap_capability);
		info->imap_capability = NULL;
	}
	if (imapc_command(session, err, "CAPABILITY") < 0)
		return error_prefix(err, "capabilities");
	g_ptr_array_set_size(session->capabilities, 0);
	g_ptr_array_set_size(session->shown, 0);
	if (info && info->imap_capability) {
		clist *list = info->imap_capability->cap_list;

		for (clistiter *at = list ? clist_begin(list) : NULL; at; at = clist_next(at))
			note_capability(session, clist_content(at));
	}
	g_ptr_array_add(session->shown, NULL);
	g_free(session->capability_text);
	session->capability_text = g_strjoinv(" ", (char **)session->shown->pdata);
	g_ptr_array_remove_index(session->shown, session->shown->len - 1);
	return 0;
}

bool imapc_has_capability(const struct imapc_session *session, const char *name)
{
	for (guint i = 0; i < session->capabilities->len; i++) {
		if (!strcmp(g_ptr_array_index(session->capabilities, i), name))
			return true;
	}
	return false;
}

bool imapc_has_quirk(const struct imapc_session *session, enum quirk quirk)
{
	return quirk_is_in_force(quirk, session->server, session->capability_text);
}

/* Some providers open no mailbox to a client that they do not know. An answer that refuses it
 * changes nothing. */
static int introduce(struct imapc_session *session, struct error *err)
{
	if (!imapc_has_quirk(session, QUIRK_ID) ||
	    imapc_command(session, err,
			  "ID (\"name\" \"inqueue\" \"version\" \"" INQUEUE_VERSION "\")") == 0)
		return 0;
	return session->alive ? 0 : error_prefix(err, "ID");
}

/* --- the session ------------------------------------------------------- */

static struct imapc_session *new_session(const struct connection_string *server)
{
	struct imapc_session *session = g_new0(struct imapc_session, 1);

	session->server = server;
	session->capabilities = g_ptr_array_new_with_free_func(g_free);
	session->shown = g_ptr_array_new_with_free_func(g_free);
	session->all_prefixes = g_ptr_array_new_with_free_func(g_free);
	session->sizes = g_hash_table_new(NULL, NULL);
	return session;
}

int imapc_open(const struct imapc_account *account, struct imapc_session **ret_session,
	       struct error *err)
{
	scoped(imapc_close) struct imapc_session *session = new_session(account->server);

	if (transport_open(session->server, &session->transport, err) < 0 ||
	    start_session(session, err) < 0 || read_capabilities(session, err) < 0)
		return -1;
	if (!transport_facts(session->transport)->preauthenticated) {
		if (imapc_sign_in(session, account, err) < 0)
			return -1;
	} else {
		if (imapc_check_worth(session, account, "PREAUTH", err) < 0)
			return -1;
		session->mechanism = g_strdup("PREAUTH");
	}
	/* Servers offer more once they know who asks: Exchange shows MOVE only then. */
	if (read_capabilities(session, err) < 0 || introduce(session, err) < 0)
		return -1;
	*ret_session = steal(&session);
	return 0;
}

int imapc_adopt(const struct connection_string *server, int socket, int tag,
		struct imapc_session **ret_session, struct error *err)
{
	scoped(imapc_close) struct imapc_session *session = new_session(server);

	session->transport = transport_adopt(socket, server->url, server->timeout_s * 1000);
	if (start_session(session, err) < 0)
		return -1;
	/* Tags go on where the last client ended: an answer to an older one can then never be taken
	 * for ours. */
	session->imap->imap_tag = tag;
	session->mechanism = g_strdup("PREAUTH");
	if (read_capabilities(session, err) < 0)
		return -1;
	*ret_session = steal(&session);
	return 0;
}

void imapc_close(struct imapc_session *session)
{
	if (!session)
		return;
	if (session->alive) {
		transport_begin(session->transport, LOGOUT_TIMEOUT_MS);
		mailimap_logout(session->imap);
	}
	if (session->imap) {
		/* mailimap_free() would say LOGOUT once more, and wait for the answer. */
		transport_break(session->transport);
		mailimap_free(session->imap);
	}
	transport_close(session->transport);
	g_free(session->mechanism);
	g_hash_table_unref(session->sizes);
	imapc_forget_unread(session);
	g_ptr_array_unref(session->capabilities);
	g_ptr_array_unref(session->shown);
	g_free(session->capability_text);
	g_free(session->personal_prefix);
	g_free(session->open_wire);
	g_free(session->open_name);
	g_ptr_array_unref(session->all_prefixes);
	g_free(session);
}

bool imapc_is_alive(const struct imapc_session *session)
{
	return session->alive;
}

void imapc_describe(const struct imapc_session *session, struct imapc_facts *ret_facts)
{
	const struct transport_facts *facts = transport_facts(session->transport);

	*ret_facts = (struct imapc_facts){
	    .tls = facts->tls,
	    .cipher = facts->cipher,
	    .certificate_subject = facts->certificate_subject,
	    .certificate_issuer = facts->certificate_issuer,
	    .certificate_expires = facts->certificate_expires,
	    .certificate_begins_s = facts->certificate_begins_s,
	    .certificate_ends_s = facts->certificate_ends_s,
	    .peer_address = facts->peer_address,
	    .mechanism = session->mechanism,
	    .capabilities = session->capability_text,
	};
}

void imapc_prepare(void)
{
	transport_prepare();
}

int imapc_log_to(const char *path, struct error *err)
{
	return protocol_log_open(path, err);
}
