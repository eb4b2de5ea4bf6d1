"""The local web page: review, label next, confirm, try, runs. It writes nothing that the commands do not write."""
