"""From run folders to tables, figures and a report: plain files in, plain files out, no harness needed."""
