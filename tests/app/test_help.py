"""The Help page: the guide in the app."""

from landlab_mgr import guide

from .test_runs import words

PAGE = "views/help.py"


def test_a_page_of_the_guide_with_its_tables_and_links(open_app, made):
    app = open_app(made.workspace.root, PAGE, topic="grids")
    assert not app.exception
    shown = words(app)
    assert "# Grids" in shown
    assert "`optimizer.learning_rate`" in shown
    assert "(help?topic=model-of-your-own)" in shown
    assert len(app.selectbox[0].options) == len(guide.pages())


def test_commands_are_listed_and_an_unknown_page_is_the_first(open_app, made):
    assert "landlab ensemble predict" in words(open_app(made.workspace.root, PAGE, topic="commands"))
    assert "# The guide" in words(open_app(made.workspace.root, PAGE, topic="nothing"))


def test_every_page_is_shown(open_app, made):
    app = open_app(made.workspace.root, PAGE)
    for page in guide.pages():
        app.selectbox[0].set_value(page.name).run()
        assert not app.exception, page.name
