import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.kit.settings import Settings, SettingsError, environment_of, fields, load, masked


class TestPrecedence:
    def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(self, tmp_path):
        file = tmp_path / "penstock.toml"
        file.write_text('port = 1\nhost = "::1"\nshards = 3\n')
        settings, sources = load({"port": 3}, {"PENSTOCK_PORT": "2", "PENSTOCK_HOST": "127.0.0.2"}, file)
        assert (settings.port, settings.host, settings.shards) == (3, "127.0.0.2", 3)
        assert (sources["port"], sources["host"], sources["data"]) == ("flag", "environment", "default")
        assert sources["shards"].startswith("file")

    def test_an_empty_variable_is_no_value(self):
        assert load({}, {"PENSTOCK_PORT": ""}, None)[0].port == Settings().port


class TestRefusal:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("port", "99999"),
            ("port", "x"),
            ("shards", "0"),
            ("log_format", "xml"),
            ("routed_hours", "25"),
            ("retry_seconds", "30,0"),
            ("retry_seconds", ","),
            ("outbound_allow", "10.0.0.0/99"),
            ("trusted_proxies", "everybody"),
            ("trusted_proxies", "none"),
            ("public_url", "cdp.example.test"),
            ("public_url", "https://"),
        ],
    )
    def test_a_bad_value_is_refused_by_name_and_source(self, name, value):
        with pytest.raises(SettingsError, match=rf"`{name}` \(environment\)"):
            load({}, {f"PENSTOCK_{name.upper()}": value}, None)

    @pytest.mark.parametrize("value", ["none", "10.0.0.0/8, fd00::/8", "10.1.2.3/8"])
    def test_networks_and_the_word_that_closes_all_are_taken(self, value):
        assert load({}, {"PENSTOCK_OUTBOUND_ALLOW": value}, None)[0].outbound_allow

    def test_an_unknown_name_in_the_file_is_refused(self, tmp_path):
        file = tmp_path / "penstock.toml"
        file.write_text("prot = 1\n")
        with pytest.raises(SettingsError, match="prot"):
            load({}, {}, file)

    def test_a_file_that_is_no_toml_is_refused(self, tmp_path):
        file = tmp_path / "penstock.toml"
        file.write_text("port = = 1\n")
        with pytest.raises(SettingsError, match="penstock.toml"):
            load({}, {}, file)


class TestHandingOn:
    @given(st.integers(0, 65535), st.lists(st.floats(0.01, 1e4), min_size=1, max_size=5), st.text("abc./", max_size=5))
    def test_a_child_gets_the_same_settings_through_its_environment(self, port, rungs, data):
        settings = Settings(port=port, retry_seconds=tuple(rungs), data=data or "d")
        assert load({}, environment_of(settings), None)[0] == settings

    def test_secrets_are_masked(self):
        settings = msgspec.structs.replace(Settings(), secret_key="s3cret", nats_token="t0ken")
        shown = masked(settings)
        assert "s3cret" not in str(shown)
        assert "t0ken" not in str(shown)
        assert masked(Settings())["secret_key"] == ""

    def test_every_setting_says_what_it_means(self):
        assert all(field.description for field in fields().values())
