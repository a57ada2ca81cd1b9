/*
 * Asks what the user may do in a folder, with MYRIGHTS. Servers of RFC 2086 have one right, d, for
 * what RFC 4314 divided into t, e and x, and c for k and x.
 */

#include "loader/imap/session/session_internal.h"

#include <libetpan/acl.h>
#include <string.h>

static const char *find_rights(const struct imapc_session *session)
{
	clist *list = session->imap->imap_response_info->rsp_extension_list;

	for (clistiter *at = clist_begin(list); at; at = clist_next(at)) {
		const struct mailimap_extension_data *data = clist_content(at);

		if (data->ext_extension == &mailimap_extension_acl &&
		    data->ext_type == MAILIMAP_ACL_TYPE_MYRIGHTS_DATA && data->ext_data)
			return ((const struct mailimap_acl_myrights_data *)data->ext_data)->rights;
	}
	return NULL;
}

/* A server that knows one of the new rights means what it says. */
static bool has_right(const char *rights, char right)
{
	if (strchr(rights, right))
		return true;
	if (strpbrk(rights, "kxte"))
		return false;
	return (strchr("te", right) && strchr(rights, 'd')) ||
	       (right == 'k' && strchr(rights, 'c'));
}

int rights_find_lacking(struct imapc_session *session, const char *wire, const char *needed,
			char **ret_lacking, struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);
	g_autoptr(GString) lacking = g_string_new(NULL);

	*ret_lacking = NULL;
	if (!imapc_has_capability(session, "ACL"))
		return 0;
	/* A refusal tells nothing, and is no failure of what the rights are asked for. */
	if (imapc_command(session, err, "MYRIGHTS %s", quoted) < 0)
		return session->alive ? 0 : -1;

	const char *rights = find_rights(session);

	for (const char *at = needed; rights && *at; at++) {
		if (!has_right(rights, *at))
			g_string_append_c(lacking, *at);
	}
	if (lacking->len > 0)
		*ret_lacking = g_strdup(lacking->str);
	return 0;
}

/* Only rights that a move needs; others do not come here. */
char *rights_describe(const char *rights)
{
	static const struct {
		char right;
		const char *meaning;
	} meanings[] = {
	    {'r', "read messages"},
	    {'s', "mark messages as read"},
	    {'t', "mark messages as deleted"},
	    {'e', "expunge messages"},
	    {'i', "put messages into it"},
	};
	g_autoptr(GString) text = g_string_new(NULL);

	for (const char *at = rights; *at; at++) {
		const char *meaning = "?";

		for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++) {
			if (meanings[i].right == *at)
				meaning = meanings[i].meaning;
		}
		const char *before = at == rights ? "" : at[1] == '\0' ? " and " : ", ";

		g_string_append_printf(text, "%s%c (%s)", before, *at, meaning);
	}
	g_string_prepend(text, strlen(rights) == 1 ? "the right " : "the rights ");
	g_string_append(text, strlen(rights) == 1 ? " is missing" : " are missing");
	return g_string_free(g_steal_pointer(&text), FALSE);
}
