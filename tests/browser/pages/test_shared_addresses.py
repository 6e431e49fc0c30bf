"""The address of a shared job is its key: its page tells nobody, and neither does the log."""

import re

from tests.e2e.service import Browser, ServiceProcess


def test_shared_page_keeps_its_address_to_itself(service: ServiceProcess) -> None:
    """No referrer, no cache, no search; not in the log, whoever asks for it and whatever comes of
    it. What makes and ends a share needs the form's token."""
    ada, stranger = service.new_browser(), service.new_browser()
    ada.log_in()
    job = _job(ada)
    share = ada.http.post(f"/api/jobs/{job}/shares", json={"shows": ["owner"]}).json()
    path = f"/shared/{share['token']}/"
    missing = f"/shared/{'A' * 43}/"
    for each, status in ((path, 200), (missing, 404)):
        page = ada.http.get(each, headers={"Accept": "text/html"})
        assert page.status_code == status
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert "noindex" in page.headers["X-Robots-Tag"]
        assert 'method="post"' not in page.text, "no form passes the cross-site check from here"
    assert job not in ada.http.get(path).text
    sent_away = stranger.http.get(path)
    assert (sent_away.status_code, sent_away.headers["Referrer-Policy"]) == (302, "no-referrer")
    stranger.http.get(sent_away.headers["Location"])
    assert ada.http.post(path).status_code in (403, 405)
    for form in (f"/jobs/{job}/share/", f"/account/shares/{share['id']}/end/"):
        assert ada.http.post(form, data={"audience": "link"}).status_code == 403
    shares = ada.http.get(f"/api/jobs/{job}/shares").json()["shares"]
    assert [each["id"] for each in shares] == [share["id"]]
    stranger_of_api = stranger.http.get(f"/api/shared/{share['token']}/log")
    assert stranger_of_api.status_code == 401
    assert re.search(r"/shared/[0-9a-f]{16}\b", service.log), "frameworks log addresses"
    assert share["token"] not in service.log


def _job(ada: Browser) -> str:
    body = {"task": "forms.table", "arguments": {"rows": 2}}
    return str(ada.http.post("/api/jobs", params={"wait": "5"}, json=body).json()["id"])
