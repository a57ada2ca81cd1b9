/* Waits for mail by IDLE or a pause, chooses the pause after an error, and rings the bell (an
 * eventfd) by which one process wakes another. */
#include "loader/watch/watch_wait_internal.h"

#include "loader/base/service.h"

#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The first pause after a server has announced mail that was not there. */
enum { WATCH_FALSE_NEWS_MS = 100 };

/* So many queues at least have their turn on one connection in the time that each of them waits for. */
enum { WATCH_TURNS = 6 };

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

/* A stop that came before has made `wake` readable; it is asked for all the same, because the descriptor may be
 * -1. */
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

/* Mail that came after the run's last search was announced then, and will not be announced
 * again. So this opens the mailbox once more, whose next UID tells whether that has happened. */
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

/* Some servers announce new mail at each IDLE. They are asked less and less often, but no less
 * than without IDLE; what comes meanwhile is found by its UID. */
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

/* How long this turn may be: no longer than until suspects are due, nor than others who share the account can
 * wait. */
static int64_t watch_wait_limit_ms(const struct watch_wait *wait, int64_t wait_ms)
{
	const struct connection_string *server = wait->mailbox->server;
	if (wait->at_most_ms > 0)
		wait_ms = MIN(wait_ms, wait->at_most_ms);
	/* Others may wait for this connection, for as long as `timeout`, and are to have it before. */
	if (server->connections > 0)
		wait_ms = MIN(wait_ms, (int64_t)server->timeout_s * 1000 /
					   MAX(WATCH_TURNS, mailbox_waiting(wait->mailbox) + 2));
	return wait_ms;
}

/* Without IDLE it is a pause; a random quarter keeps hundreds of queues from looking at the same
 * moment. */
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

/* ---- pauses after errors ---- */

/* In units of the first pause: with 5 s these are 1 min, 5 min and 15 min. */
enum { WATCH_SLOW = 12, WATCH_SLOWER = 60, WATCH_LONGEST = 180 };

struct watch_policy watch_policy_new(int64_t retry_ms)
{
	const int64_t longest_ms = retry_ms * WATCH_LONGEST;
	return (struct watch_policy){
	    .retry_ms = retry_ms,
	    .quick = {.first_ms = retry_ms, .longest_ms = longest_ms},
	    .slow = {.first_ms = retry_ms * WATCH_SLOW, .longest_ms = longest_ms},
	};
}

/* Errors that a person has to correct, or that the server asks patience for, are tried again
 * more slowly than a lost connection. */
int64_t watch_policy_pause_ms(struct watch_policy *policy, enum error_kind kind, uint32_t random)
{
	bool slow =
	    kind == ERROR_TEMPORARY || kind == ERROR_CONFIGURATION || kind == ERROR_CREDENTIALS;
	return backoff_next_ms(slow ? &policy->slow : &policy->quick, random);
}

int64_t watch_policy_refusal_ms(const struct watch_policy *policy, uint32_t refusals,
				uint32_t random)
{
	int64_t units = refusals <= 1 ? WATCH_SLOW : WATCH_SLOWER;
	return backoff_jitter_ms(policy->retry_ms * units, random);
}

/* After a good run the next error is the first again. */
void watch_policy_reset(struct watch_policy *policy)
{
	backoff_reset(&policy->quick);
	backoff_reset(&policy->slow);
}

/* ---- the bell ---- */

int watch_bell_new(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void watch_bell_ring(int bell)
{
	const uint64_t one = 1;
	/* The only failure is a counter that is full: it was rung often enough. */
	if (bell >= 0 && write(bell, &one, sizeof one) < 0)
		return;
}

void watch_bell_clear(int bell)
{
	uint64_t rings;
	if (bell >= 0 && read(bell, &rings, sizeof rings) < 0)
		return;
}

static int watch_bell_add(int set, int descriptor)
{
	struct epoll_event readable = {.events = EPOLLIN};
	return descriptor >= 0 ? epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &readable) : 0;
}

/* One descriptor for poll() that stands for two. */
int watch_bell_listen(int bell, int other)
{
	const int set = epoll_create1(EPOLL_CLOEXEC);
	if (set < 0)
		return -1;
	if (watch_bell_add(set, bell) == 0 && watch_bell_add(set, other) == 0)
		return set;
	close(set);
	return -1;
}
