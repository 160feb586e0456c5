// The first of the desk's scripts. Everything listens on the document, so that pieces swapped in later need no setting up.
import "./dialogs.js";
import "./theme.js";
import "./sign.js";
import "./forms.js";
import "./list.js";
import "./edit.js";
import "./compose.js";
import "./pick.js";
import "./palette.js";
import "./bulk.js";
import "./settings.js";
import "./security.js";
import "./admin.js";
import "./walk.js";
import "./board.js";
