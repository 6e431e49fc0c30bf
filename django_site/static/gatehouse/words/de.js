// Made of locale/de/LC_MESSAGES/djangojs.po by script/translations.py: change that.
import { learn } from "../words.js";

learn({
 "Copy": "Kopieren",
 "Copy the call by %(way)s": "Aufruf kopieren: %(way)s",
 "Copied": "Kopiert",
 "%(count)s of %(every)s tasks": "%(count)s von %(every)s Aufgaben",
 "The job: %(state)s": "Der Auftrag: %(state)s",
 "%(done)s of %(total)s": "%(done)s von %(total)s",
 "%(count)s shown": "%(count)s gezeigt",
 "None like this": "Nichts passt dazu",
 "Older jobs are loading…": "Ältere Aufträge werden geladen …",
 "There are no older ones.": "Ältere gibt es nicht.",
 "%(count)s ticked:": "%(count)s angekreuzt:",
 "The service can't be reached. This page goes on by itself as soon as it can.": "Der Dienst ist nicht erreichbar. Diese Seite macht von selbst weiter, sobald es geht.",
 "You were logged out.": "Sie wurden abgemeldet.",
 "Log in again": "Neu anmelden",
 "This is gone: it was deleted, or its time was over.": "Das gibt es nicht mehr: Es wurde gelöscht oder ist abgelaufen.",
 "You may not see this any more.": "Sie dürfen das nicht mehr sehen.",
 "The service is away for a moment. This page goes on by itself as soon as it can.": "Der Dienst ist kurz nicht erreichbar. Diese Seite macht von selbst weiter, sobald es geht.",
 "Go on (%(count)s new)": "Weiter (%(count)s neue)",
 "Pause": "Anhalten",
 "Nowhere": "Nirgends",
 "%(count)s line": [
  "%(count)s Zeile",
  "%(count)s Zeilen"
 ],
 "%(at)s of %(count)s line": [
  "%(at)s von %(count)s Zeile",
  "%(at)s von %(count)s Zeilen"
 ],
 "Nobody looks on just now.": "Gerade sieht niemand zu.",
 "%(count)s looks on:": [
  "%(count)s Person sieht zu:",
  "%(count)s Personen sehen zu:"
 ],
 "Picture": "Bild",
 "Download": "Herunterladen",
 "Previous": "Zurück",
 "Next": "Weiter",
 "Close": "Schließen",
 "Upload of %(name)s": "%(name)s wird hochgeladen",
 "Remove": "Entfernen",
 "Remove %(name)s": "%(name)s entfernen",
 "The file is too large: it may have at most %(size)s.": "Die Datei ist zu groß: Sie darf höchstens %(size)s haben.",
 "You keep as many uploaded files, or bytes of them, as you may. Delete some.": "Sie haben so viele Dateien hochgeladen, wie Sie dürfen, oder so viele Bytes. Löschen Sie einige.",
 "The file came too slowly.": "Die Datei kam zu langsam an.",
 "It could not be uploaded.": "Die Datei konnte nicht hochgeladen werden.",
 "%(size)s, uploaded": "%(size)s, hochgeladen",
 "The service could not be reached.": "Der Dienst war nicht erreichbar.",
 "or drop files here": "oder Dateien hier ablegen",
 "or drop one here": "oder hier ablegen",
 "Please wait until it is uploaded.": "Bitte warten Sie, bis die Datei hochgeladen ist.",
 "This browser allows this site no notifications.": "Dieser Browser erlaubt dieser Website keine Benachrichtigungen.",
 "Jobs": "Aufträge",
 "Ended jobs": "Beendete Aufträge",
 "Unfinished jobs": "Offene Aufträge",
 "Files of jobs": "Dateien von Aufträgen",
 "Uploaded files": "Hochgeladene Dateien",
 "Uploaded files, size": "Hochgeladene Dateien, Größe",
 "Events": "Ereignisse",
 "%(used)s of %(limit)s": "%(used)s von %(limit)s"
}, (n) => Number((n != 1)));
