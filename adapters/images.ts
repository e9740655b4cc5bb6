import type { Images } from "../services/images/index.ts";
import { registryImages } from "../services/images/registry.ts";

export const images: Images = registryImages;
