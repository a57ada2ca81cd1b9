/*
 * libetpan's FETCH handlers: they hand each body on in pieces, then its items, to the running
 * fetch, and keep nothing. A handler cannot return an error through libetpan, so the session is
 * killed and the error kept until the command has ended.
 */

#include "loader/imap/session/message_rows.h"
#include "loader/imap/session/session_internal.h"

#include <time.h>

/* --- from libetpan ----------------------------------------------------- */

static bool fail(struct imapc_session *session)
{
	session->fetch->failed = true;
	imapc_kill(session);
	return false;
}

bool imapc_fetch_take_body(int type, struct mailimap_msg_att_body_section *section,
			   const char *bytes, size_t size, void *context)
{
	struct imapc_session *session = context;
	struct imapc_fetch *fetch = session->fetch;

	transport_progress(session->transport);
	/* Unasked bodies, outside of a FETCH or of other kinds, are dropped. */
	if (!fetch || type != MAILIMAP_MSG_ATT_BODY_SECTION)
		return true;
	if (fetch->failed ||
	    fetch->take_body(fetch, bytes, size, section->sec_origin_octet, &fetch->error) < 0)
		return fail(session);
	return true;
}

/* Seconds since 1970 UTC; 0 if it is no valid time. A year of two digits is not valid: nobody knows
 * its century. */
static int64_t convert_date(const struct mailimap_date_time *date)
{
	int zone_min = abs(date->dt_zone) / 100 * 60 + abs(date->dt_zone) % 100;
	struct tm time = {
	    .tm_mday = date->dt_day,
	    .tm_mon = date->dt_month - 1,
	    .tm_year = date->dt_year - 1900,
	    .tm_hour = date->dt_hour,
	    .tm_min = date->dt_min,
	    .tm_sec = date->dt_sec,
	};

	if (date->dt_day < 1 || date->dt_day > 31 || date->dt_month < 1 || date->dt_month > 12 ||
	    date->dt_year < 1970 || date->dt_year > 9999 || date->dt_hour < 0 ||
	    date->dt_hour > 23 || date->dt_min < 0 || date->dt_min > 59 || date->dt_sec < 0 ||
	    date->dt_sec > 60 || zone_min > 24 * 60)
		return 0;
	return (int64_t)timegm(&time) - (date->dt_zone < 0 ? -60 : 60) * (int64_t)zone_min;
}

/* A short body may come as a quoted string, which libetpan does not give to the body handler, but
 * here. Without a string, not even an empty one, the body is NIL. */
static void take_section(struct imapc_session *session,
			 struct mailimap_msg_att_body_section *section, struct fetch_items *found)
{
	found->body_is_nil = !section->sec_body_part;
	found->has_body =
	    !found->body_is_nil &&
	    (section->sec_length == 0 ||
	     imapc_fetch_take_body(MAILIMAP_MSG_ATT_BODY_SECTION, section, section->sec_body_part,
				   section->sec_length, session));
}

static void note_item(struct imapc_session *session, const struct mailimap_msg_att_static *item,
		      struct fetch_items *found)
{
	switch (item->att_type) {
	case MAILIMAP_MSG_ATT_UID:
		found->uid = item->att_data.att_uid;
		break;
	case MAILIMAP_MSG_ATT_RFC822_SIZE:
		found->has_size = true;
		found->size_bytes = item->att_data.att_rfc822_size;
		break;
	case MAILIMAP_MSG_ATT_INTERNALDATE:
		found->internal_date_s = convert_date(item->att_data.att_internal_date);
		break;
	case MAILIMAP_MSG_ATT_BODY_SECTION:
		take_section(session, item->att_data.att_body_section, found);
		break;
	default:
		break;
	}
}

static unsigned convert_flag(const struct mailimap_flag *flag)
{
	switch (flag->fl_type) {
	case MAILIMAP_FLAG_SEEN:
		return IMAPC_SEEN;
	case MAILIMAP_FLAG_ANSWERED:
		return IMAPC_ANSWERED;
	case MAILIMAP_FLAG_FLAGGED:
		return IMAPC_FLAGGED;
	case MAILIMAP_FLAG_DELETED:
		return IMAPC_DELETED;
	case MAILIMAP_FLAG_DRAFT:
		return IMAPC_DRAFT;
	default:
		return 0;
	}
}

static void note_flags(const struct mailimap_msg_att_dynamic *item, struct fetch_items *found)
{
	found->has_flags = true;
	for (clistiter *at = item->att_list ? clist_begin(item->att_list) : NULL; at;
	     at = clist_next(at)) {
		const struct mailimap_flag_fetch *flag = clist_content(at);

		if (flag->fl_type == MAILIMAP_FLAG_FETCH_RECENT)
			found->flags |= IMAPC_RECENT;
		else if (flag->fl_flag)
			found->flags |= convert_flag(flag->fl_flag);
	}
}

void imapc_fetch_take_items(struct mailimap_msg_att *items, void *context)
{
	struct imapc_session *session = context;
	struct imapc_fetch *fetch = session->fetch;
	struct fetch_items found = {.number = items->att_number};

	transport_progress(session->transport);
	if (!fetch || fetch->failed)
		return;
	for (clistiter *at = clist_begin(items->att_list); at; at = clist_next(at)) {
		const struct mailimap_msg_att_item *item = clist_content(at);

		if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC)
			note_item(session, item->att_data.att_static, &found);
		else if (item->att_type == MAILIMAP_MSG_ATT_ITEM_DYNAMIC)
			note_flags(item->att_data.att_dyn, &found);
	}
	if (found.has_size && found.uid != 0)
		g_hash_table_insert(session->sizes, GUINT_TO_POINTER(found.uid),
				    GSIZE_TO_POINTER(found.size_bytes));
	if (!fetch->failed && fetch->take_items(fetch, &found, &fetch->error) < 0)
		fail(session);
}

/* Called by the catch-all (library.c), which has skipped an answer that a body was part of. */
void imapc_fetch_abandon(struct imapc_session *session)
{
	struct imapc_fetch *fetch = session->fetch;

	if (fetch && !fetch->failed && fetch->abandon(fetch, &fetch->error) < 0)
		fail(session);
}

/* --- to the server ----------------------------------------------------- */

int fetch_run(struct imapc_session *session, struct imapc_fetch *fetch, const char *command,
	      struct error *err)
{
	session->fetch = fetch;

	int result = imapc_command(session, err, "%s", command);

	session->fetch = NULL;
	if (fetch->failed) {
		*err = fetch->error;
		return -1;
	}
	return result;
}
