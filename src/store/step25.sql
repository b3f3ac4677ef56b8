-- Version 25. The messages of a conversation, in the order of their ids (see thread.rs).
CREATE INDEX entry_thread ON entry(inbox, thread, id);
