-- Which of a queue's folders one is: they may have the same UIDVALIDITY.

ALTER TABLE pickup_folder ADD COLUMN target TEXT CHECK (target IN ('dropbox', 'badmail'));
