#include "loader/cli/frame/command.h"

#include "loader/cli/mail/mail_options.h"
#include "loader/cli/mail/mail_view.h"
#include "queue/base/scoped.h"

static int cmd_mail_act(const struct invocation *invocation, enum mail_action action,
			struct error *err)
{
	scoped(mail_session_close) struct mail_session *session = NULL;
	scoped(mail_view_free) struct mail_view *view = NULL;
	struct mail_request request;
	struct mail_report report;
	if (mail_options_request(invocation, action, &request, err) != 0 ||
	    mail_view_new(invocation, &request, &view, err) != 0 ||
	    mail_check(&request, err) != 0 || mail_options_session(invocation, &session, err) != 0)
		return -1;
	mail_view_report(view, &report);
	mail_view_begin(view);
	int failed = mail_run(session->imap, &request, &report, err);
	mail_view_end(view);
	return failed;
}

int cmd_mail(const struct invocation *invocation, struct error *err)
{
	enum mail_action action;
	if (mail_options_action(invocation->command, &action) != 0)
		return error_set(err, ERROR_SOFTWARE, "'%s' has no action",
				 invocation->command->name);
	return cmd_mail_act(invocation, action, err);
}

int cmd_mail_default(const struct invocation *invocation, struct error *err)
{
	if (invocation->argument_count > 0)
		return error_set(err, ERROR_USAGE,
				 "'%s' is no action, or does not stand behind 'mail'; `inqueue "
				 "help` lists the actions",
				 invocation->arguments[0]);
	return cmd_mail_act(invocation, MAIL_GET_HEADER_ONLY, err);
}
