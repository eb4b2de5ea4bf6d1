"""Reading what others wrote about pictures, one module a format: tables, COCO, Camtrap DP, MegaDetector."""
