"""Every sentence that a user is promised, and what breaks it: each breakage must be seen by the test it names.

Three things belong together:

    in the source   # rule names_of_takes
                    return shot if number == 1 else f"{shot}.take{number}"

    in `tables/`    take 1 has the shot's ID, take n is <shot>.take<n>
                      names_of_takes: never
                      names_of_takes: orelse.values.1 becomes "-"
                        manifest/test_matrix.py::test_takes_multiply_and_keep_their_names

    in `tests/`     that test, which passes as the program stands, and fails when either change is made in a copy of it

To add a rule:
1. Write its words, unindented, into the table where it belongs.
2. Put `# rule <name>` on a line of its own above the code that keeps it; the name has two words or more, joined by `_`,
   so that it is not taken for a name of the product where that is renamed.
3. Indented by two under the words, say what to do there to break it: `changes.py` has the few verbs, `places.py` says
   how a part of a statement is named. In a schema the place is a JSON pointer, and needs no mark.
4. Indented by four, write the test that must fail. Several changes above one test each make it fail alone.
5. `pytest tests/sentences` tells whether all of it fits together, `pytest -m deep tests/sentences` whether it holds.

A sentence that promises nothing of its own has, instead of changes, `because` and a reason.

A change says what it does in terms of Python's syntax, so that new names, new wording and new formatting leave it as
it is. Where it needs a name of the product, it takes that from the place itself or from another mark, written as
`# name <name>` where nothing else is done there.

Why marks, and not mutations that a tool picks where it likes: those show that a test tests something, not that it tests
this sentence. A mark moves along with its line into whatever function or file, and tells the line's reader that a
promise hangs on it.
"""
