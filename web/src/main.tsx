import { render } from "preact";
import { Shell } from "./shell.tsx";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/figures.css";

const place = document.getElementById("window");
if (place !== null) render(<Shell />, place);
