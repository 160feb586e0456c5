// The first of the desk's scripts. Everything listens on the document, so that pieces swapped in later need no setting up.
// What a single page needs beyond this, that page names itself.
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
import "./cells.js";
import "./walk.js";
