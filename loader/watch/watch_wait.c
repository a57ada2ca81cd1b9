#include "loader/watch/watch_wait.h"

#include "loader/base/stop.h"

#include <glib.h>
#include <poll.h>

/* The first pause after news that were none. */
enum { WATCH_FALSE_NEWS_MS = 100 };

static int64_t watch_wait_poll_ms(const struct watch_wait *wait)
{
	return (int64_t)wait->mailbox->server->poll_s * 1000;
}

void watch_wait_init(struct watch_wait *wait, struct mailbox *mailbox, int64_t renew_ms,
		     void (*begins)(int64_t wait_ms, void *context), void *context)
{
	*wait = (struct watch_wait){
	    .mailbox = mailbox, .renew_ms = renew_ms, .begins = begins, .context = context};
	wait->false_news = (struct backoff){.first_ms = WATCH_FALSE_NEWS_MS,
					    .longest_ms = watch_wait_poll_ms(wait)};
}

void watch_wait_sleep(int wake, int64_t pause_ms)
{
	struct pollfd polled = {.fd = wake, .events = POLLIN};
	if (!stop_requested())
		poll(&polled, 1, (int)pause_ms);
}

static void watch_wait_pause(const struct watch_wait *wait, int wake, int64_t pause_ms)
{
	wait->begins(pause_ms, wait->context);
	watch_wait_sleep(wake, pause_ms);
}

/* Mail that came after the run's last search was announced then, and will not be again: the
 * mailbox is opened once more, and tells by its next UID whether that has happened. */
static int watch_wait_has_news(const struct watch_wait *wait, const struct load_result *last,
			       bool *ret_news, struct error *err)
{
	struct mailbox *mailbox = wait->mailbox;
	struct imapc_mailbox selected;
	if (imapc_select(mailbox->session, mailbox->folders[MAILBOX_SOURCE].wire,
			 mailbox->server->mailbox, false, &selected, err) != 0)
		return -1;
	*ret_news = selected.uid_next != 0 ? selected.uid_next != last->uid_next
					   : selected.messages > 0 && last->loaded > 0;
	return 0;
}

/* There are servers that tell of new mail at each IDLE: those are asked less and less often, and no
 * less than without IDLE. What comes meanwhile is found by its UID. */
static void watch_wait_after_false_news(struct watch_wait *wait, const struct load_result *last,
					int wake)
{
	bool new_mail = last->uid_next != wait->uid_next || last->loaded + last->bad > 0;
	wait->uid_next = last->uid_next;
	if (wait->told_of_news && !new_mail)
		watch_wait_pause(wait, wake, backoff_next_ms(&wait->false_news, g_random_int()));
	else
		backoff_reset(&wait->false_news);
}

static bool watch_wait_can_idle(const struct watch_wait *wait)
{
	return wait->mailbox->server->idle && imapc_has_capability(wait->mailbox->session, "IDLE");
}

static int64_t watch_wait_limit_ms(const struct watch_wait *wait, int64_t wait_ms)
{
	return wait->at_most_ms > 0 ? MIN(wait_ms, wait->at_most_ms) : wait_ms;
}

int watch_wait_for_mail(struct watch_wait *wait, const struct load_result *last, int wake,
			struct error *err)
{
	if (!watch_wait_can_idle(wait)) {
		watch_wait_pause(
		    wait, wake,
		    watch_wait_limit_ms(
			wait, backoff_jitter_ms(watch_wait_poll_ms(wait), g_random_int())));
		return 0;
	}
	watch_wait_after_false_news(wait, last, wake);
	bool news = false;
	if (watch_wait_has_news(wait, last, &news, err) != 0)
		return -1;
	if (news || stop_requested())
		return 0;
	int64_t idle_ms = watch_wait_limit_ms(wait, wait->renew_ms);
	wait->begins(idle_ms, wait->context);
	enum imapc_idle_end end;
	if (imapc_idle(wait->mailbox->session, wake, idle_ms, &end, err) != 0)
		return -1;
	wait->told_of_news = end == IMAPC_IDLE_CHANGED;
	return 0;
}
