/*
 * bounce_words.h - the words by which mail servers say that a message could not be delivered, in lower case,
 * with single blanks. What stands in the comment behind a line is the program that writes it.
 */
#ifndef MIME_BOUNCE_WORDS_H
#define MIME_BOUNCE_WORDS_H

/* Nobody else writes these; ordinary mail that quotes one has no field of a mail server. */
static const char *const bounce_phrases[] = {
    "could not be delivered to one or more",   /* Exim, Postfix, Zoho */
    "could not be delivered",		       /* many */
    "couldn't be delivered",		       /* Exchange Online */
    "cannot be delivered",		       /* many */
    "can not be delivered",		       /* MessagingServer */
    "can't be delivered",		       /* Gmail */
    "was not delivered",		       /* Domino, Gmail */
    "wasn't delivered",			       /* Gmail */
    "not been delivered",		       /* Exim's warning */
    "has not yet been delivered",	       /* Exim's warning */
    "wasn't able to deliver",		       /* qmail */
    "were unable to deliver",		       /* Yahoo */
    "was unable to deliver",		       /* Courier */
    "unable to deliver",		       /* MailFoundry, Yahoo */
    "failed to deliver",		       /* several */
    "could not deliver",		       /* Amazon SES */
    "did not reach",			       /* Exchange */
    "could not be reached",		       /* Exchange 4 */
    "incorrectly constructed",		       /* Exim, of a malformed address */
    "invalid final delivery",		       /* IMail */
    "attempting to deliver",		       /* OpenSMTPD */
    "temporary failure report",		       /* OpenSMTPD */
    "envelope expired",			       /* OpenSMTPD */
    "was aborted after",		       /* MDaemon */
    "permanent delivery errors",	       /* TrendMicro */
    "no valid recipients were found",	       /* several */
    "failed addresses follow",		       /* several */
    "not able to be delivered",		       /* SendGrid */
    "delivery has failed to these recipients", /* Exchange */
    "delivery to the following recipient",     /* Gmail, Exchange */
    "delivery to one or more recipients",      /* Gmail */
    "had permanent fatal errors",	       /* sendmail */
    "had transient non-fatal errors",	       /* sendmail */
    "had delivery problems",		       /* sendmail, Biglobe */
    "had delivery errors",		       /* Mail2000 */
    "transcript of session follows",	       /* sendmail */
    "unsent message follows",		       /* sendmail 5 */
    "error occurred while trying to deliver",  /* Amazon */
    "error delivering your mail",	       /* DragonFly */
    "trouble delivering your message",	       /* CommuniGate */
    "address(es) failed",		       /* Exim */
    "address failed:",			       /* Exim, GMX */
    "unknown user:",			       /* IMail */
    "user mailbox exceeds",		       /* IMail */
    "delivery failed",			       /* IMail, MailFoundry */
    "was rejected by a remote mail server",    /* EZweb */
    "user(s) account is",		       /* EZweb */
    "user's account is",		       /* EZweb */
    "undeliverable to ",		       /* IMail */
    "invalid user address",		       /* Apache James */
    "failure reasons",			       /* Notes */
    "delivery failure",			       /* several */
    "your message wasn't",		       /* Exchange */
    "no valid recipients for this mm",	       /* Verizon */
    "exceeded the local limit",		       /* Biglobe */
    "server message 550",		       /* m-FILTER */
    "-server message",			       /* m-FILTER */
    "sent <<< rcpt to",			       /* InterScan */
    "\"notificationtype\":\"bounce\"",	       /* Amazon SNS */
    "returned permanent errors",	       /* CommuniGate */
    "recipient address rejected",	       /* Postfix */
    "no such user",			       /* many */
    "user unknown",			       /* many */
    "unknown user",			       /* many */
    "mailbox is full",			       /* many */
    "mailbox full",			       /* many */
    "is not able to receive",		       /* several */
    "couldn't find the group",		       /* Google Groups */
    "you tried to contact",		       /* Google Groups */
    "undelivered message",		       /* several */
    "not deliverable",			       /* several */
    "nicht zugestellt werden",		       /* German */
    "konnte nicht zugestellt",		       /* German */
    "n'a pas pu être remis",		       /* French */
    "n'a pas pu être délivré",		       /* French */
    "не может быть доставлено",		       /* mail.ru */
    "不能投递",				       /* Chinese */
    "退信",				       /* Chinese */
    "配信できません",			       /* Japanese */
    "配送できません",			       /* Japanese */
    "送信できません",			       /* Japanese */
    "送信に失敗",			       /* Japanese */
    "届けることができません",		       /* Japanese */
};

/* What stands before the returned message, at the beginning of a line without its dashes. */
static const char *const bounce_cuts[] = {
    "this is a copy of",	  /* Exim */
    "below this line is a copy",  /* qmail */
    "below is a copy of",	  /* OpenSMTPD */
    "original message",		  /* Gmail, Yahoo, IMail */
    "message headers follow",	  /* DragonFly */
    "message header follow",	  /* several */
    "original header",		  /* several */
    "the header of the original", /* GMX */
    "unsent message follows",	  /* sendmail 5 */
    "unsent message below",	  /* sendmail 5 */
    "returned message",		  /* Notes */
    "returned mail follows",	  /* several */
    "message text follows",	  /* several */
    "message header of",	  /* several */
    "included is a copy of",	  /* MX Logic */
    "undelivered message",	  /* several */
    "the body of the message is", /* Exim */
    "copy of your message",	  /* several */
    "message body follows",	  /* several */
    "body of message generated",  /* several */
};

/* A line that speaks of somebody else than the recipient. */
static const char *const bounce_others[] = {
    "mail from",      "sender",	       "from:",		"from ",       "contact",
    "http:",	      "https:",	       "reply-to",	"support@",    "assistance",
    "postmaster@",    "mailer-daemon", "envelope-from", "message-id",  "helpdesk",
    "ehlo",	      "helo",	       "send mail to",	"return-path", "generated from",
    "(expanded from",
};

/* A line that speaks of a recipient. */
static const char *const bounce_recipients[] = {
    "rcpt to", "recipient", "deliver", "unknown user", "user unknown", "address", "mailbox",
    "user",    "account",   "to:",     "for <",	       "group",	       "failed",
};

#endif
