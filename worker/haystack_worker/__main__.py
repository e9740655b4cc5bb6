from haystack_worker.cli import entry

entry()
