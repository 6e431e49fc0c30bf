// Made of locale/de/LC_MESSAGES/djangojs.po by script/translations.py: change that.
import { learn } from "../words.js";

learn({
 "Copied": "Kopiert",
 "Jobs": "Aufträge",
 "Ended jobs": "Beendete Aufträge",
 "Unfinished jobs": "Offene Aufträge",
 "Files of jobs": "Dateien von Aufträgen",
 "Uploaded files": "Hochgeladene Dateien",
 "Uploaded files, size": "Hochgeladene Dateien, Größe",
 "Events": "Ereignisse",
 "%(used)s of %(limit)s": "%(used)s von %(limit)s"
}, (n) => Number((n != 1)));
